import { render } from 'preact'
import { App } from './app.tsx'
import { keepScores } from './state/scores.ts'
import { start } from './state/start.ts'
import './style/page.css'
import './style/controls.css'
import './style/answers.css'
import './style/panels.css'

const root = document.getElementById('app')
if (root === null) throw new Error('The page has no #app.')
render(<App />, root)
keepScores()
start()

import { render } from 'preact'
import { App } from './app.tsx'
import { start } from './state/start.ts'
import './style/page.css'

const root = document.getElementById('app')
if (root === null) throw new Error('The page has no #app.')
render(<App />, root)
void start()

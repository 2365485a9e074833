import { conformanceSuite } from '../testing/conformance/suite.ts'
import { conforming } from './testing/fixtures.ts'

conformanceSuite(conforming)
